/** The quick start's dictionary, and English words that are not in it as unlabelled sources for a teacher. */
import { defineDataset } from "@slm/data";
import { examples, settings } from "../quickstart/dataset.js";
import { englishWords } from "./english-words.js";

export default defineDataset({ settings, examples, unlabelled: englishWords });
