/**
 * What it takes to make a tower's input of a 12-megapixel JPEG: milliseconds by the clock and of the CPU, and the most
 * memory the process held. The picture is synthetic (soft waves with fine noise), written to memory before the clock starts.
 * Needs `npm run build`.
 *
 * Usage: node tools/bench/image.mjs [ROUNDS]
 */
import sharp from "sharp";
import { decodeImage, processImage, parseImageProcessing } from "@slm/vision";

const [WIDTH, HEIGHT] = [4000, 3000];
const ROUNDS = Number(process.argv[2] ?? 9);
const CLIP_336 = parseImageProcessing(
  {
    resize: { kind: "shortestEdge", pixels: 336 },
    crop: { height: 336, width: 336 },
    mean: [0.48145466, 0.4578275, 0.40821073],
    std: [0.26862954, 0.26130258, 0.27577711],
  },
  "bench",
);

async function picture() {
  const small = new Uint8Array((WIDTH / 8) * (HEIGHT / 8) * 3);
  for (let i = 0; i < small.length; i++) small[i] = 128 + 90 * Math.sin(i / 97) + 30 * Math.sin(i / 3);
  const raw = { width: WIDTH / 8, height: HEIGHT / 8, channels: 3 };
  return sharp(small, { raw }).resize(WIDTH, HEIGHT).jpeg({ quality: 90 }).toBuffer();
}

const milliseconds = ({ user, system }) => (user + system) / 1000;
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

const jpeg = await picture();
const results = { decode: [], decodeProcessor: [], process: [], processProcessor: [] };
async function timed(name, body) {
  const [clock, processor] = [performance.now(), process.cpuUsage()];
  const result = await body();
  results[name].push(performance.now() - clock);
  results[`${name}Processor`].push(milliseconds(process.cpuUsage(processor)));
  return result;
}

for (let round = 0; round < ROUNDS; round++) {
  const image = await timed("decode", () => decodeImage(jpeg, "bench.jpg"));
  await timed("process", () => processImage(image, CLIP_336));
}
console.log(`${WIDTH} x ${HEIGHT} JPEG, ${jpeg.length} bytes, to 336 x 336, median of ${ROUNDS}`);
for (const name of ["decode", "process"])
  console.log(
    `${name.padEnd(8)} ${median(results[name]).toFixed(0)} ms by the clock, ${median(results[`${name}Processor`]).toFixed(0)} ms of the CPU`,
  );
console.log(`peak memory of the process: ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB`);
