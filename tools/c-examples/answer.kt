// Answers each line of its input. Build libphonemes.so as for Answer.java, then:
// kotlinc answer.kt -include-runtime -d answer.jar && java -Djava.library.path=. -jar answer.jar
object Phonemes {
    @JvmStatic external fun open(path: ByteArray): Int
    @JvmStatic external fun longest(): Int
    @JvmStatic external fun answer(text: ByteArray, answer: ByteArray): Int

    init {
        System.loadLibrary("phonemes")
    }
}

/** A text for C: UTF-8 with a zero at the end. */
fun bytes(text: String): ByteArray = "$text\u0000".encodeToByteArray()

fun main() {
    check(Phonemes.open(bytes("phonemes.bin")) == 0) { "phonemes.bin cannot be read, or belongs to another phonemes.c" }
    val answer = ByteArray(Phonemes.longest())
    for (line in generateSequence(::readlnOrNull)) {
        val status = Phonemes.answer(bytes(line), answer)
        println(if (status < 0) "error $status" else answer.decodeToString(0, status))
    }
}
