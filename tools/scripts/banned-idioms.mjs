/**
 * Idioms for which the field has a better term, one row each. `vocabulary-lint.mjs` reads this table.
 *
 * - `idiom`: an example that the pattern must find (the test checks it).
 * - `say`: what to write instead.
 * - `kind`: `prose` for phrases, in every file; `code` for identifiers, recipe keys and flags.
 *
 * To ban another idiom, add a row and run `npm run vocabulary` and `node --test tools/scripts`.
 */

/** Phrases. */
const PROSE = [
  {
    idiom: "models that see",
    pattern: /\b(?:models?|students?|checkpoints?|teachers?|baseline|one|bundles?|what|those) that sees?\b/i,
    say: "vision-language model or student",
  },
  {
    idiom: "questions about pictures",
    pattern: /\bquestions about (?:pictures|images)\b/i,
    say: "visual question answering (VQA)",
  },
  { idiom: "lines of text in pictures", pattern: /\blines of text in pictures\b/i, say: "OCR" },
  {
    idiom: "requests to JSON calls",
    pattern: /\brequests to (?:JSON )?calls\b/i,
    say: "function calling; intent and slot filling",
  },
  {
    idiom: "show their working",
    pattern: /\b(?:shows?|with|without) (?:their|its|the) working\b/i,
    say: "rationale, chain of thought",
  },
  { idiom: "made-up words", pattern: /\bmade[- ]up\b/i, say: "synthetic" },
  {
    idiom: "exchanged values",
    pattern: /\b(?:exchanged values|values exchanged)\b/i,
    say: "slot-value augmentation",
  },
  {
    idiom: "words without labels",
    pattern: /\b(?:words|rows|sources|texts) without labels\b/i,
    say: "unlabelled data",
  },
  { idiom: "the processor", pattern: /\bthe processor\b(?!'s settings)/i, say: "CPU" },
  { idiom: "the likeliest token", pattern: /\blikeliest\b/i, say: "most probable; argmax, top-1, top-k" },
  { idiom: "begin mark", pattern: /\b(?:begin|end)(?:ning)?[- ]marks?\b/i, say: "BOS, EOS, special tokens" },
  { idiom: "refused by name", pattern: /\brefus(?:e|es|ed|al) by name\b/i, say: "rejected, unsupported" },
  { idiom: "a foreign model", pattern: /\bforeign\b/i, say: "external, third-party" },
  {
    idiom: "models of others",
    pattern: /\b(?:models?|files|towers?) (?:of|that) others\b/i,
    say: "third-party",
  },
  { idiom: "the peer is slower", pattern: /(?<![\w/.-])peers?\b(?![/-])/i, say: "reference implementation" },
  {
    idiom: "beside other programs",
    pattern: /\bbeside other programs\b/i,
    say: "comparison with reference implementations",
  },
  { idiom: "damaged files", pattern: /\bdamaged\b/i, say: "corrupt, fuzzed" },
  { idiom: "checked by rule", pattern: /\bby rule\b(?! of)/i, say: "static compatibility check" },
  { idiom: "the whole road", pattern: /\bthe (?:whole )?road\b/i, say: "pipeline" },
  {
    idiom: "the house's random numbers",
    pattern: /\bthe (?:house|roof)(?:'s)?\b/i,
    say: "codebase; roofline",
  },
  {
    idiom: "behind 512 tokens",
    pattern: /\bbehind (?:[\d,]+|N|many|the last|a source of) ?\w* ?(?:tokens|positions)\b/i,
    say: "at context length N, after N tokens",
  },
  { idiom: "tokens/s in all", pattern: /\btokens\/s in all\b|\ball in all\b/i, say: "end-to-end throughput" },
  {
    idiom: "first token earlier by",
    pattern: /\b(?:first token|% )\s?(?:comes )?earlier\b|\bearlier by\b/i,
    say: "lower time to first token (TTFT)",
  },
  { idiom: "from token to token", pattern: /\btoken to token\b/i, say: "inter-token latency (ITL)" },
  { idiom: "rows at once", pattern: /\brows at once\b/i, say: "batch size" },
  {
    idiom: "the interval in which the true one lies",
    pattern: /\b(?:its|true) (?:median|one) lies\b/i,
    say: "95 % confidence interval",
  },
  { idiom: "rounds drawn again", pattern: /\brounds drawn again\b/i, say: "bootstrap" },
  {
    idiom: "passes over the data",
    pattern: /\bpass(?:es)? over the (?:data|dictionary|rows|requests|words)\b/i,
    say: "epochs",
  },
  { idiom: "knows by heart", pattern: /\bby heart\b/i, say: "memorize, overfit" },
  { idiom: "teachers together", pattern: /\bteachers together\b/i, say: "ensemble" },
  { idiom: "near relatives", pattern: /\bnear relatives\b/i, say: "correlated models" },
  { idiom: "first weights", pattern: /\bfirst weights\b/i, say: "initialization" },
  {
    idiom: "what the teacher says",
    pattern: /\bwhat (?:the |its |their )?teachers? says?\b/i,
    say: "teacher distribution, logits",
  },
  { idiom: "mass of the rest", pattern: /\bmass of (?:the rest|all others|the others)\b/i, say: "tail mass" },
  { idiom: "teachers of fewer bits", pattern: /\b(?:of )?fewer bits\b/i, say: "quantized (teachers)" },
  { idiom: "threads that wait", pattern: /\bthreads that (?:wait|spin)\b/i, say: "intra-op thread spinning" },
  { idiom: "moves peaks of activations", pattern: /\bmoves? peaks\b/i, say: "SmoothQuant migration" },
  {
    idiom: "the damage each layer does",
    pattern: /\bdamage (?:each|a|one|every|of a|that a) layer\b/i,
    say: "layer sensitivity",
  },
  {
    idiom: "tokens guessed by copying",
    pattern: /\bguess(?:es|ed)?\b[^.\n]{0,20}\bcopying\b/i,
    say: "draft tokens, prompt lookup",
  },
  { idiom: "choice of tokens", pattern: /\bchoice of (?:a )?tokens?\b/i, say: "sampling options" },
  { idiom: "short decoder", pattern: /\bshort decoders?\b/i, say: "pruned vocabulary" },
  { idiom: "kept settings", pattern: /\bkept settings\b/i, say: "tuning cache" },
  {
    idiom: "live decoding",
    pattern: /\blive (?:decod|sampl|weight)\w*\b/i,
    say: "on-policy sampling, current weights",
  },
  {
    idiom: "26 % word error",
    pattern: /\b(?:word|phoneme|character) error\b(?! rate)/i,
    say: "WER, PER, CER",
  },
  {
    idiom: "at best 22 % (asked 24)",
    pattern: /\(asked \d|\| asked +\||\bwas the aim\b/i,
    say: "no targets that a reader cannot see",
  },
  {
    idiom: "what stood behind it",
    pattern: /\bwhat (?:stands|stood) behind\b/i,
    say: "what follows; name the thing",
  },
];

/** Identifiers, recipe keys and flags. */
const CODE = [
  { idiom: "wordError", pattern: /\bwordError\w*/, say: "wer" },
  { idiom: "phonemeError", pattern: /\bphonemeError\w*/, say: "per" },
  { idiom: "characterError", pattern: /\bcharacterError\w*/, say: "cer" },
  { idiom: "betterIs", pattern: /\bbetterIs\b/, say: "higherIsBetter" },
  { idiom: "headNorm", pattern: /\bheadNorm\w*/, say: "qkNorm" },
  { idiom: "untiedHead", pattern: /\buntiedHead\w*/, say: "tieWordEmbeddings: false" },
  { idiom: "gate: silu", pattern: /\bgate: (?:"silu"|silu)\b/, say: "activation: swiglu" },
  { idiom: "rotaryBase", pattern: /\brotaryBase\b/, say: "ropeTheta" },
  {
    idiom: "rotaryFrequencies",
    pattern: /\brotaryFrequencies\b/,
    say: "ropeScaling, ropeInverseFrequencies",
  },
  { idiom: "recompute: true", pattern: /\brecompute(?:Layers)?\b(?!d)/, say: "gradientCheckpointing" },
  { idiom: "accumulate: 2", pattern: /\baccumulate\??: ?(?:\d|z\b)/, say: "gradientAccumulationSteps" },
  { idiom: "clipNorm", pattern: /\bclipNorm\b/, say: "maxGradNorm" },
  { idiom: "decayShare", pattern: /\bdecayShare\b/, say: "decayFraction" },
  { idiom: "averageDecay", pattern: /\baverageDecay\b/, say: "emaDecay" },
  { idiom: "averageBest", pattern: /\baverageBest\b/, say: "checkpointAveraging" },
  { idiom: "finalLearningRate", pattern: /\bfinalLearningRate\b/, say: "minLearningRateRatio" },
  { idiom: "parts: { tower: frozen }", pattern: /\bparts: ?\{ ?(?:tower|text|projector)\b/, say: "modules" },
  { idiom: "withLikeliest", pattern: /\w[Ll]ikeliest\b|\bLikeliest\w*/, say: "argmax, top-1, top-k" },
  {
    idiom: "openTeaching",
    pattern: /\b(?:open)?Teaching\b|\basksTeacher\b|\btaught\b(?=[.:,] ?\w| \})/,
    say: "DistillationSources, requiresTeacher, distillation targets",
  },
  { idiom: "createLiveSampler", pattern: /\b\w*Live(?:Decoder|Sampler|Programs)\w*/, say: "OnPolicySampler" },
  { idiom: "BranchEnd", pattern: /\bBranchEnd\b/, say: "residual dropout, post-norm" },
  { idiom: "stepsBest", pattern: /\bstepsBest\b/, say: "greedy steps" },
  { idiom: "choiceFlags", pattern: /\bchoiceFlags\b/, say: "samplingFlags" },
  {
    idiom: "SpokenTokens",
    pattern: /\bSpokenTokens\b|\bUNSAID_LOGIT\b|\b[sS]hortDecoder\w*/,
    say: "PrunedVocabulary, MASKED_LOGIT",
  },
  { idiom: "joinProducts", pattern: /\bjoins?Products\b/, say: "fuseMatMuls (horizontal fusion)" },
  { idiom: "seeAll", pattern: /\bseeAll\b|#see\b/, say: "encodeImages" },
  { idiom: "questionText", pattern: /\bquestionText\b/, say: "resolvePrompt" },
  { idiom: "Fate", pattern: /\bFates?\b/, say: "field policy" },
  { idiom: "keptSettings", pattern: /\b\w*[kK]eptSettings\b|\bkept-settings\b/, say: "tuning cache" },
  { idiom: "LayerDamage", pattern: /\b\w*LayerDamage\w*/, say: "LayerSensitivity" },
  { idiom: "CHECKED_BY_RULE", pattern: /\bCHECKED_BY_RULE\b/, say: "STATIC_CHECK" },
  {
    idiom: "data.invented",
    pattern: /\bdata\.invented\b|^\s*invented:|\binvented: \{|\binvent:/,
    say: "data.synthetic, syntheticValues",
  },
  { idiom: "ForeignCheckpoint", pattern: /\b\w*Foreign[A-Z]?\w*/, say: "External..." },
  {
    idiom: "caches: appended",
    pattern: /"appended"|\bcaches: (?:appended|replaced)\b/,
    say: "delta, full present KV",
  },
  { idiom: "--lookup", pattern: /(?<![\w-])--lookup\b/, say: "--prompt-lookup" },
  { idiom: "layer:lower", pattern: /\blayer:lower\b/, say: "layer:export" },
  { idiom: "runtime-cpu", pattern: /\bruntime-(?:cpu|gpu|npu)\b/, say: "runtime-node" },
];

export const BANNED_IDIOMS = [
  ...PROSE.map((row) => ({ ...row, kind: "prose" })),
  ...CODE.map((row) => ({ ...row, kind: "code" })),
];
