/** @file Where the wide part starts: naive Bayes' log-count ratios. Runs in browsers. */

/**
 * How much more often each feature occurs in a class than its average over the classes, as logarithms: [rows, C], 0 for a feature never seen.
 * An item counts a feature once. Several labels: the item counts for each of them.
 * @param features rows of each item
 * @param labels classes of each item
 * @param options.smoothing added to every count, default 1
 * @see Wang and Manning 2012, "Baselines and bigrams"
 */
export function logCountRatios(features: readonly Int32Array[], labels: readonly ArrayLike<number>[], rows: number, classes: number, { smoothing = 1 } = {}): Float32Array {
  const counts = new Float32Array(rows * classes);
  const seen = new Uint8Array(rows);
  const totals = new Float64Array(classes);
  for (const [i, item] of features.entries()) {
    const of = labels[i]!;
    for (let j = 0; j < of.length; j++) {
      const c = of[j]!;
      for (const row of item) {
        counts[row * classes + c]!++;
        seen[row] = 1;
      }
      totals[c]! += item.length;
    }
  }
  let different = 0;
  for (const s of seen) different += s;
  const norms = totals.map((n) => Math.log(n + smoothing * different));
  for (let row = 0; row < rows; row++) {
    const at = row * classes;
    if (seen[row] === 0) continue;
    let mean = 0;
    for (let c = 0; c < classes; c++) {
      counts[at + c] = Math.log(counts[at + c]! + smoothing) - norms[c]!;
      mean += counts[at + c]! / classes;
    }
    for (let c = 0; c < classes; c++) counts[at + c]! -= mean;
  }
  return counts;
}
