/** Text as it is typed on a keyboard without accents. */

/** Letters whose stroke is no combining mark in Unicode. */
const PLAIN: Readonly<Record<string, string>> = {
  ł: "l",
  Ł: "L",
  đ: "d",
  Đ: "D",
  ø: "o",
  Ø: "O",
  æ: "ae",
  Æ: "AE",
  œ: "oe",
  Œ: "OE",
};

/** Letters without their combining marks and strokes; all else stays. */
export function stripDiacritics(text: string): string {
  return text
    .normalize("NFD")
    .replace(/\p{Mn}/gu, "")
    .replace(/[łŁđĐøØæÆœŒ]/gu, (letter) => PLAIN[letter] ?? letter)
    .normalize("NFC");
}
