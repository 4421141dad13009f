/** Removes diacritics, as on a keyboard without accents. */

/** Letters with a stroke that is not a combining mark in Unicode. */
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

/** Removes combining marks and strokes from letters. */
export function stripDiacritics(text: string): string {
  return text
    .normalize("NFD")
    .replace(/\p{Mn}/gu, "")
    .replace(/[łŁđĐøØæÆœŒ]/gu, (letter) => PLAIN[letter] ?? letter)
    .normalize("NFC");
}
