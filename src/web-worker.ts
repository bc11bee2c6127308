import { type Answer, member, type Order } from "./run/member.ts";

/** What a Web Worker runs: a member of a team, listening. */
const port = globalThis as unknown as {
  onmessage: (event: { data: Order }) => void;
  postMessage(answer: Answer, transfer: ArrayBuffer[]): void;
};
const follow = member((answer, transfer) => port.postMessage(answer, transfer));
port.onmessage = ({ data }) => follow(data);
