/** Texts to learn small vocabularies from, and texts to cut with them. */
export const CORPUS = `
The quick start learns how words are spoken from how they are written. It takes three minutes and needs nothing but a CPU.
A teacher reads the source and the target as one sequence; the student has an encoder and a decoder of its own.
Every stage reads a directory and writes another, so a run that was killed goes on where it stopped.
Die Lehrerin liest den ganzen Satz, der Schüler lernt ihre Wahrscheinlichkeiten. Übung macht den Meister, größer ist nicht besser.
There are 12 months, 365 days and 8,760 hours in a year. In 2024 there were 366 days; pi is about 3.14159265.
It's what we'll do; they've said that I'm right, you'd agree, she isn't here and we're late. DON'T SHOUT, IT'S RUDE.
function add(left, right) {
  if (left === undefined) throw new Error("left is missing");
  return left + right;
}
def fibonacci(n):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a
{"name": "slm", "version": "0.1.0", "private": true, "files": ["dist", "src"], "size": [1, 2, 3]}
SELECT name, price FROM products WHERE price > 100 ORDER BY name;
Le café est fermé; où est la bibliothèque? El niño comió mañana. Привет, как дела? 你好，世界。今日は良い天気です。
½ and ½ and ½ make one and ½; Ⅷ is Ⅶ and Ⅰ, Ⅷ less Ⅰ is Ⅶ; x² and y² and z² are x²y²z², ٣ and ٣ and ٣.
the then there these they this that those with without within when where while which who whose why will would
`;

/** Varied on purpose: spaces, digits, quotes, scripts, emoji, code. Composed characters only. */
export const TEXTS = [
  "The quick brown fox jumps over the lazy dog.",
  "Hello, world! It's 7:45 and we're late.",
  "I'M SURE THEY'VE SEEN IT, she'd said; we'll see.",
  "In 2024 there were 366 days, 8784 hours and 31622400 seconds.",
  "3.14159265358979 is pi, 1,000,000 is a million, 0x1F600 is a code.",
  "  two leading spaces, and   several   inside  ",
  "tab\tseparated\tvalues\r\nand a Windows line\r\n\r\nend",
  "line one\n\nline three\n    indented four\n\t\ttwo tabs\n",
  "function add(a, b) {\n  return a + b; // sum\n}",
  "def f(n):\n    return n if n < 2 else f(n - 1) + f(n - 2)\n",
  '{"name": "Jürgen", "age": 42, "tags": ["a", "b"], "ok": true}',
  "SELECT id, COUNT(*) FROM t WHERE x >= 10.5 GROUP BY id;",
  "Übermut tut selten gut, sagte die größte Füchsin.",
  "Le café est fermé; où est la bibliothèque ?",
  "Привет, как дела? Всё хорошо!",
  "你好，世界。今日は良い天気ですね。",
  "Emoji 😀👍🏽 and flags 🇩🇪 and a family 👨‍👩‍👧.",
  "https://example.org/path?query=1&other=two#part-3",
  "a'b c''d 'e' \"f\" (g) [h] {i} <j> ~k~ `l` $m^n_o|p\\q",
  "x² + y² = z²; ½ of Ⅷ is 4, ٣ is three and a non-breaking\u00a0space.",
];
