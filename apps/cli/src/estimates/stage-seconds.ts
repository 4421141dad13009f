/** What a run adds to the work of every stage: its inputs are checked, its artifact and manifest are written. Measured on two cores [seconds]. */
export const STAGE_SECONDS = 0.3;
