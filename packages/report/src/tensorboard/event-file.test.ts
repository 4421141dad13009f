import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { encodeEvent, inspectEvent } from "./event.js";
import { openEventFile, tensorboardTag } from "./event-file.js";
import { readRecords } from "./tf-record.js";

let root = "";
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "slm-events-"));
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

type Field = number | Buffer;
type Message = ReadonlyMap<number, readonly Field[]>;

/** Protobuf by the wire format alone, with no library: numbers of varints, bytes of all else. */
function decode(bytes: Buffer): Message {
  const fields = new Map<number, Field[]>();
  let at = 0;
  const varint = (): number => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes.readUInt8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return Number(BigInt.asIntN(64, value));
    }
  };
  const take = (length: number): Buffer => bytes.subarray(at, (at += length));
  while (at < bytes.length) {
    const tag = varint();
    const wire = tag & 7;
    const value = wire === 0 ? varint() : take(wire === 1 ? 8 : wire === 5 ? 4 : varint());
    fields.set(tag >>> 3, [...(fields.get(tag >>> 3) ?? []), value]);
  }
  return fields;
}

const bytesOf = (message: Message, field: number): Buffer => {
  const value = message.get(field)?.[0];
  return Buffer.isBuffer(value) ? value : Buffer.alloc(0);
};
const messageOf = (message: Message, field: number): Message => decode(bytesOf(message, field));
const textOf = (message: Message, field: number): string => bytesOf(message, field).toString("utf8");

interface Point {
  readonly step: number;
  readonly wallTime: number;
  readonly values: Readonly<Record<string, number>>;
}

const eventsIn = async (path: string): Promise<readonly Message[]> =>
  [...readRecords(await readFile(path))].map(({ data }) => decode(Buffer.from(data)));
const stepOf = (event: Message): number => Number(event.get(2)?.[0] ?? 0);

/** The points of all files in the order of their names, as a reader that knows nothing of resumed runs sees them. */
async function pointsIn(directory: string): Promise<readonly Point[]> {
  const names = (await readdir(directory)).filter((name) => name.includes("tfevents")).sort();
  const events = (await Promise.all(names.map((name) => eventsIn(join(directory, name))))).flat();
  return events.flatMap((event): Point[] => {
    const values = (messageOf(event, 5).get(1) ?? []).map((value) => decode(value as Buffer));
    if (values.length === 0) return [];
    const scalars = values.map((value) => [textOf(value, 1), bytesOf(value, 2).readFloatLE()] as const);
    const wallTime = bytesOf(event, 1).readDoubleLE();
    return [{ step: stepOf(event), wallTime, values: Object.fromEntries(scalars) }];
  });
}

async function writeSteps(from: number, to: number): Promise<string> {
  const file = await openEventFile(root, { keepThroughStep: from - 1 });
  for (let step = from; step <= to; step += 1) await file.append(step, 1000 + step, { loss: 1 / step });
  await file.close();
  return file.path;
}

const stepsIn = async (): Promise<readonly number[]> => (await pointsIn(root)).map(({ step }) => step);
const range = (from: number, to: number): readonly number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe(openEventFile, () => {
  test("writes scalars with step, time and tags by group", async () => {
    const file = await openEventFile(join(root, "new", "run"));
    await file.append(20, 1700000000.25, { loss: 0.5, "dev.wer": 0.25 });
    await file.append(21, 1700000001, {});
    await file.close();
    expect(await pointsIn(join(root, "new", "run"))).toEqual([
      { step: 20, wallTime: 1700000000.25, values: { "train/loss": 0.5, "dev/wer": 0.25 } },
    ]);
  });

  test("begins with the version that lets a session's start discard repeated steps", async () => {
    const [version, start] = await eventsIn(await writeSteps(5, 5));
    expect(textOf(version!, 3)).toBe("brain.Event:2");
    expect([stepOf(start!), messageOf(start!, 7).get(1)]).toEqual([5, [1]]);
  });

  test("writes a text as a string tensor of one element for the text tab", async () => {
    const file = await openEventFile(root);
    await file.appendText(3, 7, "samples", "| ü | ✓ |");
    await file.close();
    const event = (await eventsIn(file.path)).at(-1)!;
    const value = messageOf(messageOf(event, 5), 1);
    const tensor = messageOf(value, 8);
    expect([stepOf(event), textOf(value, 1), textOf(tensor, 8)]).toEqual([3, "samples", "| ü | ✓ |"]);
    expect(tensor.get(1)).toEqual([7]);
    expect(messageOf(messageOf(tensor, 2), 2).get(1)).toEqual([1]);
    expect(textOf(messageOf(messageOf(value, 9), 1), 1)).toBe("text");
  });

  test("can be read while it grows", async () => {
    const file = await openEventFile(root);
    for (const step of range(1, 3)) {
      await file.append(step, 0, { loss: step });
      expect(await stepsIn()).toEqual(range(1, step));
    }
    await file.close();
  });

  test("of a resumed run gives one curve without repeats or gaps, however often and wherever it is resumed", async () => {
    await writeSteps(1, 9);
    await writeSteps(5, 12);
    await writeSteps(3, 4);
    await writeSteps(5, 7);
    expect(await stepsIn()).toEqual(range(1, 7));
    expect((await pointsIn(root)).map(({ wallTime }) => wallTime)).toEqual(range(1001, 1007));
  });

  test("goes on in a new file whose name sorts last, and takes away no file at once that a reader may hold", async () => {
    const first = await writeSteps(1, 4);
    const second = await writeSteps(1, 2);
    expect(second > first).toBe(true);
    expect((await stat(first)).size).toBe(0);
    await writeSteps(3, 5);
    expect(await readdir(root)).not.toContain(first.slice(root.length + 1));
    expect(await stepsIn()).toEqual(range(1, 5));
  });

  test("cuts off the record a killed run left unfinished", async () => {
    const path = await writeSteps(1, 6);
    await truncate(path, (await stat(path)).size - 3);
    await writeSteps(6, 7);
    expect(await stepsIn()).toEqual(range(1, 7));
  });

  test("starts anew unless asked to keep", async () => {
    await writeSteps(1, 6);
    await (await openEventFile(root)).close();
    expect(await stepsIn()).toEqual([]);
  });

  test("leaves event files of other programs alone", async () => {
    const external = join(root, "events.out.tfevents.1700000000.host.1.0");
    await writeFile(external, "not ours");
    await writeSteps(1, 2);
    expect(await readFile(external, "utf8")).toBe("not ours");
  });

  test("says where it cannot write", async () => {
    await writeFile(join(root, "file"), "");
    await expect(openEventFile(join(root, "file", "run"))).rejects.toMatchObject({ code: "OUTPUT_FAILED" });
  });
});

describe(encodeEvent, () => {
  test("keeps any tag, step and float32, those that are not finite too", () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.nat({ max: Number.MAX_SAFE_INTEGER }),
        fc.float(),
        fc.double({ noNaN: true }),
        (tag, step, value, wallTime) => {
          const bytes = encodeEvent({
            wallTime,
            step,
            content: { kind: "scalars", values: { [tag]: value } },
          });
          const event = decode(Buffer.from(bytes));
          const entry = messageOf(messageOf(event, 5), 1);
          expect(bytesOf(event, 1).readDoubleLE()).toBe(wallTime);
          expect([stepOf(event), textOf(entry, 1)]).toEqual([step, Buffer.from(tag).toString("utf8")]);
          expect(bytesOf(entry, 2).readFloatLE()).toBe(value);
          expect(inspectEvent(bytes)).toEqual({ step, isData: true });
        },
      ),
    );
  });

  test("turns a double beyond float32 into infinity", () => {
    const bytes = encodeEvent({ wallTime: 0, step: 1, content: { kind: "scalars", values: { a: 1e300 } } });
    expect(bytesOf(messageOf(messageOf(decode(Buffer.from(bytes)), 5), 1), 2).readFloatLE()).toBe(Infinity);
  });
});

describe(inspectEvent, () => {
  test("reads any bytes without failing", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const event = inspectEvent(bytes);
        expect(event === undefined || Number.isFinite(event.step)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

describe(tensorboardTag, () => {
  test("groups by what stands before the first dot", () => {
    expect(["loss", "dev.wer", "a.b.c"].map(tensorboardTag)).toEqual(["train/loss", "dev/wer", "a/b.c"]);
  });
});
