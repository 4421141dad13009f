/** The share of the rows that `slm init` gives to the dev split, which chooses the checkpoint. */

/** Rows at which a checkpoint is chosen well: the standard error of a share of 90 % is then 2 points. */
const DEV_ROWS = 200;

/** A hash draws the rows, so their number varies: this is three standard deviations above {@link DEV_ROWS} [rows]. */
const EXPECTED_ROWS = DEV_ROWS + 3 * Math.ceil(Math.sqrt(DEV_ROWS));

/** The least is the default of `data.devFraction`; with the most, and the test split, a small file keeps 80 % to train on [percent]. */
const PERCENT = { least: 2, most: 10 };

/** The smallest whole percent that gives the dev split {@link DEV_ROWS} rows, within its limits; undefined if the default does. */
export function devFractionFor(rows: number): number | undefined {
  const percent = Math.min(PERCENT.most, Math.ceil((100 * EXPECTED_ROWS) / rows));
  return percent <= PERCENT.least ? undefined : percent / 100;
}
