/** @file Lets timers, signals and the page have their turn. */

/** Milliseconds of work between two turns: short enough for a hand on Ctrl-C or a progress bar. */
const turn = 50;

/** Resolves after the event loop has been round once. */
const macrotask = (): Promise<void> =>
  new Promise((done) => {
    if (typeof setImmediate === "function") {
      setImmediate(done);
      return;
    }
    // A message, because browsers hold setTimeout back for milliseconds.
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      done();
    };
    port2.postMessage(null);
  });

/** A function that gives the event loop a turn when 50 ms have passed since the last one, and costs next to nothing otherwise. */
export function pacer(): () => Promise<void> | undefined {
  let last = performance.now();
  return () => {
    if (performance.now() - last < turn) return undefined;
    return macrotask().then(() => {
      last = performance.now();
    });
  };
}
