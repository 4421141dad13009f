/**
 * Reorders equal rows of bytes in place: row i becomes what row rows[i] was. Repeats are allowed.
 * Only rows that move are touched, and only rows that are both read and overwritten are copied to a buffer first.
 */
export function permuteRowsInPlace(bytes: Uint8Array, rows: readonly number[]): void {
  const rowBytes = bytes.length / rows.length;
  const rowAt = (row: number): Uint8Array => bytes.subarray(row * rowBytes, (row + 1) * rowBytes);
  const saved = new Map<number, Uint8Array>();
  rows.forEach((from, to) => {
    if (from !== to && rows[from] !== from && !saved.has(from)) saved.set(from, rowAt(from).slice());
  });
  rows.forEach((from, to) => {
    if (from !== to) bytes.set(saved.get(from) ?? rowAt(from), to * rowBytes);
  });
}
