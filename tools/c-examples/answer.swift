// Answers each line of its input. Put module.modulemap, phonemes.c and phonemes.h next to it, and build:
// cc -O3 -c phonemes.c && swiftc -O -I . answer.swift phonemes.o -lm -o answer
import Phonemes
#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Memory for C, which stays allocated while the program runs.
func memory(_ bytes: Int) -> UnsafeMutableRawBufferPointer {
    .allocate(byteCount: bytes, alignment: 64)
}

let weights = memory(Int(PHONEMES_WEIGHTS_BYTES))
let arena = memory(Int(PHONEMES_ARENA_BYTES))
var model = phonemes_model()
guard let file = fopen("phonemes.bin", "rb"),
    fread(weights.baseAddress, 1, weights.count, file) == weights.count,
    phonemes_open(&model, weights.baseAddress, weights.count, arena.baseAddress, arena.count) == PHONEMES_OK
else { fatalError("phonemes.bin cannot be read, or belongs to another phonemes.c") }
fclose(file)

var answer = [CChar](repeating: 0, count: Int(PHONEMES_MAX_TEXT))
while let line = readLine() {
    let status = phonemes_answer_text(&model, line, &answer, answer.count)
    print(status < 0 ? "error \(status)" : String(cString: answer))
}
