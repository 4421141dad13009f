/** How long the cells that are left will take, judged by those that ran in this call. */

/** Cells that are alike, the closest kind first. */
const KINDS = [
  (one, other) => one.task === other.task && one.arm === other.arm && one.labels === other.labels,
  (one, other) => one.task === other.task && one.arm === other.arm,
  (one, other) => one.task === other.task,
  () => true,
];

/**
 * @param durations `{ cell, seconds }` of cells that ran.
 * @param left cells that are left.
 */
export function timeLeft(durations, left) {
  if (durations.length === 0) return "time left unknown";
  const seconds = left.reduce((sum, cell) => sum + expected(durations, cell), 0);
  return `about ${clock(seconds)} left`;
}

/** Mean seconds of the closest kind of cell that ran. */
function expected(durations, cell) {
  const alike = KINDS.map((isAlike) => durations.filter((one) => isAlike(one.cell, cell))).find(
    (found) => found.length > 0,
  );
  return alike.reduce((sum, { seconds }) => sum + seconds, 0) / alike.length;
}

/** 2h 05m, 7m, or 40s. */
export function clock(seconds) {
  if (seconds < 60) return `${Math.round(seconds)}s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60
    ? `${minutes}m`
    : `${Math.floor(minutes / 60)}h ${String(minutes % 60).padStart(2, "0")}m`;
}
