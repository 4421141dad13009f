/** Corrupts bytes like disks, networks and attackers do, deterministically for a seed. */

export interface Mutator {
  /** Returns the next corrupt copy. */
  readonly next: (original: Uint8Array) => Uint8Array;
}

/** Boundary values of the integer types in protobuf's encoding. */
const BYTES = [0x00, 0x01, 0x7f, 0x80, 0xff];
const VARINTS = [
  [0xff, 0xff, 0xff, 0xff, 0x07],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
];

/** Maximum number of edits per file. */
const MAX_EDITS = 4;

/** Longest piece that is moved, duplicated or removed [bytes]. */
const MAX_PIECE = 64;

export function createMutator(seed: number): Mutator {
  let state = seed >>> 0;
  // xorshift32 (Marsaglia 2003): every state except 0 has full period.
  const random = (below: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
  state ||= 1;
  const splice = (bytes: Uint8Array, at: number, gone: number, added: ArrayLike<number>): Uint8Array => {
    const end = Math.min(bytes.length, at + gone);
    const result = new Uint8Array(bytes.length - (end - at) + added.length);
    result.set(bytes.subarray(0, at));
    result.set(added, at);
    result.set(bytes.subarray(end), at + added.length);
    return result;
  };
  /** Edits that keep every length: they change a number, a name or a type. */
  const gentle: readonly ((bytes: Uint8Array) => Uint8Array)[] = [
    (bytes) => {
      const copy = bytes.slice();
      copy[random(copy.length)]! ^= 1 << random(8);
      return copy;
    },
    (bytes) => splice(bytes, random(bytes.length), 1, [BYTES[random(BYTES.length)]!]),
  ];
  const rough: readonly ((bytes: Uint8Array) => Uint8Array)[] = [
    ...gentle,
    (bytes) => splice(bytes, random(bytes.length), random(MAX_PIECE), []),
    (bytes) => {
      const from = random(bytes.length);
      return splice(bytes, random(bytes.length), 0, bytes.slice(from, from + random(MAX_PIECE)));
    },
    (bytes) => splice(bytes, random(bytes.length), 1 + random(8), VARINTS[random(VARINTS.length)]!),
    (bytes) => bytes.slice(0, 1 + random(bytes.length)),
  ];
  return {
    next: (original) => {
      const edits = random(3) === 0 ? rough : gentle;
      let bytes = original;
      for (let count = 1 + random(MAX_EDITS); count > 0 && bytes.length > 1; count -= 1)
        bytes = edits[random(edits.length)]!(bytes);
      return bytes;
    },
  };
}
