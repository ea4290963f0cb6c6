/**
 * How often the checks blame an honest object. Ciphertext, tags and salts are modelled as independent uniform bytes;
 * every threshold below comes from a bound that holds at every length, not from an approximation for long ones. All
 * of them together exceed {@link FALSE_ALARM} with no object, of whatever size (docs/opacity.md, "False alarms").
 */
export const FALSE_ALARM = 1e-9;

/** Into how many equal shares it is divided: more than there are series of tests. */
const SHARES = 32;

/**
 * The natural logarithm of what the `k`-th test of a series may spend, k from 1. With 2^j ≤ k < 2^(j+1) that is
 * share / (2^j (j+1) (j+2)), so that a series of any length spends its share and no more: thresholds grow with the
 * object, without its size being known.
 */
export function spend(k: number): number {
  const j = Math.floor(Math.log2(k));
  return Math.log(FALSE_ALARM / SHARES) - j * Math.LN2 - Math.log((j + 1) * (j + 2));
}

/**
 * Two tests of one octave have one threshold, which takes longer to find than to use. @param make gets the size of the test and what
 * it may spend. @returns the threshold for a size and the test's number k.
 */
export function perOctave<T>(make: (size: number, spent: number) => T): (size: number, k: number) => T {
  const known = new Map<number, T>();
  return (size, k) => {
    const key = size * 64 + Math.floor(Math.log2(k));
    let threshold = known.get(key);
    if (threshold === undefined) {
      if (known.size > 10_000) known.clear();
      threshold = make(size, spend(k));
      known.set(key, threshold);
    }
    return threshold;
  };
}

/**
 * Relative entropy of counts against uniform, times their number, in nats: n D(p̂ ‖ uniform) stays below the result but
 * with probability e^`logProbability`. For x > K - 1: P(n D ≥ x) ≤ e^-x (e x / (K - 1))^(K - 1)
 * (R. Agrawal, "Finite-Sample Concentration of the Multinomial in Relative Entropy", IEEE Trans. Inf. Theory 66, 2020).
 */
export function entropyThreshold(categories: number, logProbability: number): number {
  const k = categories - 1;
  let low = k;
  let high = k - 4 * logProbability + 100;
  while (high - low > 0.01) {
    const x = (low + high) / 2;
    if (-x + k + k * Math.log(x / k) > logProbability) low = x;
    else high = x;
  }
  return high;
}

/**
 * The smallest count that a binomial variable reaches with probability at most e^`logProbability`, by Chernoff:
 * P(X ≥ a n) ≤ e^(-n D(a ‖ p)) for a > p.
 */
export function binomialThreshold(trials: number, probability: number, logProbability: number): number {
  let low = Math.floor(trials * probability);
  let high = trials + 1;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (-trials * divergence(middle / trials, probability) > logProbability) low = middle;
    else high = middle;
  }
  return high;
}

function divergence(a: number, p: number): number {
  const rest = a === 1 ? 0 : (1 - a) * Math.log((1 - a) / (1 - p));
  return a * Math.log(a / p) + rest;
}

/** How far a count of fair bits strays from its half, by Hoeffding: P(|X - n/2| ≥ t) ≤ 2 e^(-2 t² / n). */
export function bitDeviation(bits: number, logProbability: number): number {
  return Math.sqrt((bits * (Math.LN2 - logProbability)) / 2);
}

/**
 * The smallest number of rare events, each of probability at most `q` whatever went before, that `trials` reach with
 * probability at most e^`logProbability`: P(X ≥ t) ≤ (trials q)^t / t!.
 */
export function rareThreshold(trials: number, q: number, logProbability: number): number {
  let log = 0;
  let t = 0;
  while (log > logProbability) {
    t++;
    log += Math.log(trials * q) - Math.log(t);
  }
  return t;
}

/** Length from which a run of bytes of one class, of `probability` each, is no chance. */
export function runThreshold(probability: number, spent: number): number {
  return Math.ceil(spent / Math.log(probability));
}
