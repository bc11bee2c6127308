import { parentPort } from "node:worker_threads";
import { member } from "./run/member.ts";

/** What a worker of Node, Deno or Bun runs: a member of a team, listening. */
if (parentPort !== null) {
  const port = parentPort;
  port.on(
    "message",
    member((answer, transfer) => port.postMessage(answer, transfer)),
  );
}
