import { openShards } from "./formats/shards.ts";
import { addShards } from "./open-tensors.ts";

/*
 * Weights in several files, with an index. It exports nothing: importing it lets `load` take models that are stored so. Node's entry
 * always does.
 */
addShards(openShards);
