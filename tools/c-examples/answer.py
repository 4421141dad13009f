"""Answers each line of its input. Build the library first: cc -O3 -shared -fPIC library.c phonemes.c -o libphonemes.so -lm"""
import ctypes
import sys

library = ctypes.CDLL("./libphonemes.so")
if library.library_open(b"phonemes.bin") != 0:
    sys.exit("phonemes.bin cannot be read, or belongs to another phonemes.c")
answer = ctypes.create_string_buffer(library.library_longest())
for line in sys.stdin:
    status = library.library_answer(line.rstrip("\n").encode(), answer, len(answer))
    print(f"error {status}" if status < 0 else answer.value.decode())
