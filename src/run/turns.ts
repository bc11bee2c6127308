/** Lets one piece of work run at a time, in the order in which it was asked for: several calls share one scratch memory, batch by batch. */
export function turns(): <R>(work: () => Promise<R>) => Promise<R> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work);
    last = mine.catch(() => {}); // a failure is its caller's, not the next one's
    return mine;
  };
}
