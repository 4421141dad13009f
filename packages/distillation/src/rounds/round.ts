/** A round of replicas, and what trains one. */

/** What a run goes on from: plain data, which only its runner understands. */
export type RoundState = unknown;

/** Steps `from` + 1 to `until` of every replica. */
interface Round {
  /** Counted from 1. */
  readonly number: number;
  readonly from: number;
  readonly until: number;
}

export interface RoundReport {
  readonly state: RoundState;
  /** Mean loss of the replicas; absent before any was measured. */
  readonly loss?: number | undefined;
  readonly tokens: number;
  /** Bytes that machines exchanged. */
  readonly trafficBytes: number;
}

export interface RoundRunner {
  /** The state before the first round. @param weights file of the weights that all begin with @param moments file of a fresh optimizer */
  begin(weights: string, moments: string): Promise<RoundState>;
  /** Trains a round and averages it. The state that it began with stays valid until the next call. @throws SlmError as `distill` */
  round(state: RoundState, round: Round): Promise<RoundReport>;
  /** Copies the weights of a state to a file. */
  weights(state: RoundState, file: string): Promise<void>;
  /** Removes what the run left. */
  end(): Promise<void>;
}
