import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { frameRecord, readRecords } from "./tf-record.js";

const payloads = fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 8 });
const fileOf = (records: readonly Uint8Array[]): Uint8Array => Buffer.concat(records.map(frameRecord));
const dataOf = (file: Uint8Array): readonly Buffer[] =>
  [...readRecords(file)].map(({ data }) => Buffer.from(data));

describe(frameRecord, () => {
  test("writes length, masked checksum, data and masked checksum as TensorFlow does", () => {
    // The first record of every event file TensorFlow writes with wall time 0: Event { file_version: "brain.Event:2" }.
    const record = frameRecord(Buffer.concat([Buffer.from([0x1a, 13]), Buffer.from("brain.Event:2")]));
    expect(Buffer.from(record.subarray(0, 12)).toString("hex")).toBe("0f00000000000000" + "6d532b09");
    expect(Buffer.from(record.subarray(-4)).toString("hex")).toBe("fc985129");
  });
});

describe(readRecords, () => {
  test("gives back what was framed, and where each record ends", () => {
    fc.assert(
      fc.property(payloads, (records) => {
        const file = fileOf(records);
        const read = [...readRecords(file)];
        expect(dataOf(file)).toEqual(records.map((data) => Buffer.from(data)));
        expect(read.map(({ end }) => end)).toEqual(
          records.map((_, index) => fileOf(records.slice(0, index + 1)).length),
        );
      }),
    );
  });

  test("stops before a record that is cut short", () => {
    fc.assert(
      fc.property(payloads, fc.nat(), (records, cut) => {
        const file = fileOf(records);
        const kept = cut % file.length;
        const whole = records.filter((_, index) => fileOf(records.slice(0, index + 1)).length <= kept);
        expect(dataOf(file.subarray(0, kept))).toEqual(whole.map((data) => Buffer.from(data)));
      }),
    );
  });

  test("never gives corrupt data, whichever byte is changed", () => {
    fc.assert(
      fc.property(payloads, fc.nat(), fc.integer({ min: 1, max: 255 }), (records, place, change) => {
        const file = Uint8Array.from(fileOf(records));
        const at = place % file.length;
        file[at] = file[at]! ^ change;
        const intact = records.filter((_, index) => fileOf(records.slice(0, index + 1)).length <= at);
        expect(dataOf(file)).toEqual(intact.map((data) => Buffer.from(data)));
      }),
    );
  });

  test("finds nothing in bytes of another kind", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => [...readRecords(bytes)].length === 0),
    );
  });
});
