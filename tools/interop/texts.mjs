/**
 * Texts that detect a missing part of a tokenizer: spaces and line breaks, digits, contractions, case, scripts with and without spaces,
 * combining marks, characters that normalization changes, emoji of several code points, code.
 */
const PROSE = [
  "Hello, world!",
  "The quick brown fox jumps over the lazy dog. It didn't care; they'll say WE'RE late, I'VE gone.",
  "naïve café, Größe, señor, façade, Łódź, İstanbul, ǅ ǆ ß ẞ ﬁ ﬂ",
  "Ελληνικά και τέλος· ΣΊΣΥΦΟΣ",
  "Привет, как дела? ЁЛКА ёлка",
  "שלום עולם, שָׁלוֹם",
  "السلام عليكم، كيف الحال؟ ٱلْعَرَبِيَّةُ ١٢٣",
  "नमस्ते दुनिया, क्षत्रिय १२३",
  "สวัสดีชาวโลก ภาษาไทย",
  "こんにちは世界。カタカナとﾊﾝｶｸ、漢字かな交じり文",
  "你好，世界！今天天气很好。１２３ＡＢＣ",
  "안녕하세요 세계, 한국어 띄어쓰기",
  "Việt Nam: tiếng Việt có dấu",
  "தமிழ் మరియు ಕನ್ನಡ মাতৃভাষা",
];
const SPACES = [
  "a",
  " a",
  "a ",
  "  two  spaces   three    four",
  "tab\tand\t\ttabs",
  "line\nend\n\nblank\n\n\nmore",
  "windows\r\nline\r\n\r\nends",
  " \n \n ",
  "trailing spaces   \n   leading",
  "no\u00a0break\u2009thin\u3000wide\u200bzero",
  "a\u2028b\u2029c\u0085d",
  "    def indented():\n        return  1\n",
];
const NUMBERS = [
  "1 12 123 1234 12345 1234567890",
  "3.14159, -2e10, 0x1F, 1,000,000.00, 50%",
  "2026-11-26T23:59:59Z v1.2.3-rc4 10th ½ ² Ⅷ ①",
  "٣٤٥ ४५६ 𝟙𝟚𝟛",
];
const CODE = [
  'const f = (x) => x?.y ?? `${z}`; // comment\nif (a !== b && c <= d) { return "\\n"; }',
  "for (int i = 0; i < n; ++i) { sum += a[i] * b[i]; }",
  "SELECT * FROM t WHERE a='b' AND c IN (1,2,3);",
  '{"key": [1, 2.5, true, null, "\\u00e9"], "nested": {"a": {}}}',
  "https://example.org/path/to?q=1&r=%20#frag user@example.org",
  '<div class="x">&amp; text</div>',
  "camelCase snake_case kebab-case SCREAMING_CASE XMLHttpRequest",
  "!!! ??? ... --- *** ### $$$ ~~~ ''' \"\"\" ((())) [[[]]]",
  "don't 'quoted' \u2018curly\u2019 \u201cdouble\u201d \u2013 \u2014 \u2026",
];
const UNUSUAL = [
  "e\u0301 o\u0308 A\u030a n\u0303 \u1e9b\u0323",
  "\ufb01nance \u2460 \u33a2 \uff21\uff22 \u212b \u2126",
  "👍🏽 👩‍👩‍👧‍👦 🇩🇪🇫🇷 🏴‍☠️ ❤️ ☃",
  "𝕳𝖊𝖑𝖑𝖔 𐍈 𠜎 🜁",
  "Z̷͎̅a̶̖͝l̵̡̍g̸̰̈o̷̱͝",
  "\u0001\u0007\u001b[31mred\u001b[0m\u007f",
  "\ufeffbyte order mark and \ufffd replacement",
  "soft\u00adhyphen zero\u200dwidth\u200cjoiner right\u200fto\u200eleft",
  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
  "supercalifragilisticexpialidocious antidisestablishmentarianism",
  "pneumonoultramicroscopicsilicovolcanoconiosis".repeat(3),
  "l'homme c'était qu'il aujourd'hui",
  "C'EST 'Tis 'S 'RE 'Ve",
  "_under_ __dunder__ ▁metaspace▁ ## hash ##ing",
  "[CLS] text [SEP]",
  "<s>text</s> <unk> <pad>",
  "<|endoftext|> <bos> <eos>",
  "<0x41> <0x0A>",
  "?!,.;:",
  "\u3002\uff0c\u3001\u300c\u300d",
];

export const TEXTS = [...PROSE, ...SPACES, ...NUMBERS, ...CODE, ...UNUSUAL];
