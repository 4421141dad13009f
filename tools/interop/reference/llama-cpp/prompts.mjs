/** Twenty texts of 30 to 120 tokens: instructions in SmolLM2's chat format, prose, code, JSON, German, numbers. */
const chat = (/** @type {string} */ user, /** @type {string} */ assistant) =>
  `<|im_start|>system\nYou are a careful assistant.<|im_end|>\n<|im_start|>user\n${user}<|im_end|>\n<|im_start|>assistant\n${assistant}`;

export const PROMPTS = [
  chat(
    "Name three fruits that grow on trees.",
    "Three fruits that grow on trees are apples, pears and cherries.",
  ),
  chat(
    "Rewrite this politely: Send me the file now.",
    "Could you please send me the file when you have a moment?",
  ),
  chat(
    "What is the capital of Portugal, and on which river does it lie?",
    "Lisbon is the capital of Portugal. It lies on the river Tagus.",
  ),
  chat(
    "Summarize: The train was late because a tree had fallen on the line, and all later trains waited.",
    "A fallen tree delayed the train and those behind it.",
  ),
  chat("Turn the heading into a question: Benefits of daily walks", "What are the benefits of daily walks?"),
  chat(
    "Set the brightness of my screen to forty percent and turn on the night light.",
    "Opening settings: display, brightness 40 percent, night light on.",
  ),
  "The lighthouse keeper climbed the stairs every evening at the same hour. He counted the steps, although he had known their number for thirty years, and lit the lamp before the fishing boats turned home.",
  "Water expands when it freezes, which is why ice floats. The molecules arrange themselves in a lattice that keeps them further apart than they are in the liquid, so a block of ice is lighter than the water it displaces.",
  "The committee met on Monday to discuss the new library. Its members agreed that the building should have more windows, but they could not agree on who would pay for them, and the meeting ended without a decision.",
  "Once upon a time there was a small fox who was afraid of the dark. Every night she asked the moon to stay a little longer, and one night the moon answered her.",
  'def read_lines(path):\n    """Yields the lines of a text file without their ends."""\n    with open(path, encoding="utf-8") as file:\n        for line in file:\n            yield line.rstrip("\\n")\n',
  "export function clamp(value: number, low: number, high: number): number {\n  if (low > high) throw new RangeError(`low ${low} is above high ${high}`);\n  return Math.min(high, Math.max(low, value));\n}\n",
  "SELECT customer.name, SUM(invoice.total) AS spent\nFROM customer\nJOIN invoice ON invoice.customer_id = customer.id\nWHERE invoice.paid = TRUE\nGROUP BY customer.name\nORDER BY spent DESC\nLIMIT 10;\n",
  'for file in *.txt; do\n  lines=$(wc -l < "$file")\n  if [ "$lines" -gt 100 ]; then\n    echo "$file has $lines lines"\n  fi\ndone\n',
  '{\n  "name": "weather-station",\n  "version": "2.1.0",\n  "sensors": [\n    {"kind": "temperature", "unit": "celsius", "value": 21.5},\n    {"kind": "humidity", "unit": "percent", "value": 48}\n  ]\n}',
  '[{"id": 1, "done": true, "title": "Buy milk"}, {"id": 2, "done": false, "title": "Call the dentist"}, {"id": 3, "done": false, "title": "Water the plants"}]',
  "Der Zug nach Hamburg fährt heute von Gleis sieben ab. Wegen einer Störung an der Strecke verspätet er sich um etwa zwanzig Minuten; wir bitten um Ihr Verständnis.",
  "Im Winter wird es früh dunkel, und die Kinder gehen mit Laternen durch die Straßen. Am Ende des Weges brennt ein großes Feuer, und es gibt heißen Tee.",
  "1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987. The sum of the first ten numbers is 143.",
  "On 14 March 2021 the shop sold 127 books for 9.99 each, which makes 1,268.73 in all. A year later it sold 212 books, 67 percent more, at 10.49 each.",
];
