/** The dictionary of the quick start and, as unlabelled sources for a teacher, English words that it does not have. */
import { defineDataset } from "@slm/data";
import { examples, settings } from "../quickstart/dataset.js";
import { englishWords } from "./english-words.js";

export default defineDataset({ settings, examples, unlabelled: englishWords });
