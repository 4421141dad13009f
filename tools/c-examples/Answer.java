/* Answers each line of its input. Build the library and the program, and run it:
 * cc -O3 -shared -fPIC -I $JAVA_HOME/include -I $JAVA_HOME/include/linux jni.c library.c phonemes.c -o libphonemes.so -lm
 * javac Answer.java && java -Djava.library.path=. Answer */
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

class Phonemes {
  static native int open(byte[] path);
  static native int longest();
  static native int answer(byte[] text, byte[] answer);

  static {
    System.loadLibrary("phonemes");
  }
}

class Answer {
  public static void main(String[] args) throws IOException {
    if (Phonemes.open(bytes("phonemes.bin")) != 0)
      throw new IOException("phonemes.bin cannot be read, or belongs to another phonemes.c");
    byte[] answer = new byte[Phonemes.longest()];
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line; (line = lines.readLine()) != null; ) {
      int status = Phonemes.answer(bytes(line), answer);
      out.println(status < 0 ? "error " + status : new String(answer, 0, status, StandardCharsets.UTF_8));
    }
  }

  /** A text for C: UTF-8 with a zero at the end. */
  private static byte[] bytes(String text) {
    return (text + "\0").getBytes(StandardCharsets.UTF_8);
  }
}
