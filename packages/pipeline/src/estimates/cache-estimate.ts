/** Estimates for stage `cache`: storing the teacher's distributions and labelling sources. */
import { labellingVolume, type CacheConfig } from "@slm/labelling";
import type { PlanRequest } from "../stage/plan-request.js";
import type { StageEstimate } from "../stage/stage.js";
import { formatCount } from "@slm/core/format";
import { dataFacts } from "./data-facts.js";
import { estimateLabelling } from "./labelling-estimate.js";
import { teacherFlops } from "./model-flops.js";
import { teacherShapes } from "./planned-shapes.js";
import { measureMatmulRate } from "./step-time.js";

/** Approximate bytes per token stored at a position. */
const CACHED_BYTES_PER_KEPT_TOKEN = 2;

/** Fraction of the rate of one large matrix product that a teacher reaches. It is about the same for scoring and for decoding in batches. */
const TEACHER_SHARE = 0.65;

/** Time and disk space for the teacher's distributions over the training targets, and time for labelling. Empty before the data is prepared. */
export async function estimateCache(request: PlanRequest<CacheConfig>): Promise<StageEstimate> {
  const served = await estimateLabelling(request);
  if (served !== undefined) return served;
  const { settings, artifacts, compute } = request;
  const facts = await dataFacts(request, { maxSource: 1, maxTarget: 1 });
  if (facts.pairs === undefined || artifacts.data === undefined) return {};
  const [shape] = await teacherShapes(request, facts);
  if (shape === undefined) return {};
  const scored = settings.distributions === "none" ? 0 : facts.pairs;
  const { requests } = await labellingVolume(settings, artifacts.data);
  const rows = 64 * (facts.source + facts.target);
  const rate =
    TEACHER_SHARE *
    (await measureMatmulRate({ rows, inner: shape.width, columns: shape.feedForward }, compute));
  const flops = (scored + requests) * (await teacherFlops(request, facts));
  const kept = Math.min(settings.k, facts.vocabulary);
  return {
    tokens: (scored + requests) * (facts.source + facts.target),
    flops,
    seconds: flops / rate,
    diskBytes: scored * facts.target * kept * CACHED_BYTES_PER_KEPT_TOKEN,
    basis: `at ${formatCount(rate)}FLOP/s, the part of the matrix product rate, measured now, that a teacher reaches`,
  };
}
