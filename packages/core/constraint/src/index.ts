export { GrammarBuilder, type Grammar, type Part } from "./grammar.js";
export { jsonObjectGrammar } from "./json-schema/json-values.js";
export { jsonSchemaGrammar } from "./json-schema/json-schema.js";
export { constrainTokens } from "./token-constraint.js";
