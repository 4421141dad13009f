import { describe, expect, test } from "vitest";
import { libraryPlatforms } from "./library-platform.js";
import { elf, fatMachO, machO, pe } from "./test-packages.test-support.js";

describe(libraryPlatforms, () => {
  test.each([
    ["ELF for x86-64", elf("x64"), ["linux-x64"]],
    ["ELF for ARM", elf("arm64"), ["linux-arm64"]],
    ["ELF for Hexagon", elf("hexagon"), ["linux-hexagon"]],
    ["PE for x86-64", pe("x64"), ["win32-x64"]],
    ["PE for ARM", pe("arm64"), ["win32-arm64"]],
    ["Mach-O for ARM", machO("arm64"), ["darwin-arm64"]],
    ["fat Mach-O", fatMachO(["x64", "arm64"]), ["darwin-x64", "darwin-arm64"]],
  ])("reads the header of %s", (_, header, expected) => {
    expect(libraryPlatforms(header)).toEqual(expected);
  });

  test("names an unknown processor by its number", () => {
    const header = elf("x64");
    header.writeUInt16LE(0xf3, 18); // RISC-V
    expect(libraryPlatforms(header)).toEqual(["linux-machine 0xf3"]);
  });

  test("reads big-endian ELF headers in their own order", () => {
    const header = elf("x64");
    header[5] = 2;
    header.writeUInt16BE(0x16, 18); // S390
    expect(libraryPlatforms(header)).toEqual(["linux-machine 0x16"]);
  });

  test("does not take other bytes for a library", () => {
    const java = Buffer.alloc(64);
    java.writeUInt32BE(0xcafebabe, 0);
    java.writeUInt32BE(0x00000041, 4); // class file version 65
    const dos = Buffer.alloc(4096);
    dos.write("MZ", "latin1");
    for (const bytes of [Buffer.alloc(0), Buffer.alloc(64), Buffer.from("#!/bin/sh\n".repeat(10)), java, dos])
      expect(libraryPlatforms(bytes)).toBeUndefined();
  });
});
