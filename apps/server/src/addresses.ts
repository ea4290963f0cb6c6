import type { IncomingMessage } from "node:http";
import ipaddr from "ipaddr.js";
import proxyAddress from "proxy-addr";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { Problem } from "./problem.js";

/** Seconds in which an address has its requests; nothing of it is known for longer. */
const WINDOW = 60;
/** Of the eight parts of an IPv6 address, those that a network has at least (RFC 4291 §2.5.4): the others its owner may choose. */
const NETWORK_PARTS = 4;

export interface AddressOptions {
  /** Of one address, in a minute. */
  readonly requestsPerMinute: number;
  /** Whose word in `X-Forwarded-For` counts: addresses, ranges, or the names that `proxy-addr` has. */
  readonly proxies?: readonly string[];
}

/** @returns whether such proxies can be trusted: whether they are addresses at all. */
export function areProxies(proxies: readonly string[]): boolean {
  try {
    proxyAddress.compile([...proxies]);
    return true;
  } catch {
    return false;
  }
}

/** Requests of routes that ask for no token, counted by the address from which they come: in memory, for a minute. */
export class AddressLimits {
  readonly #limiter: RateLimiterMemory;
  readonly #isTrusted: (address: string, hop: number) => boolean;

  constructor({ requestsPerMinute, proxies = [] }: AddressOptions) {
    this.#limiter = new RateLimiterMemory({ points: requestsPerMinute, duration: WINDOW });
    this.#isTrusted = proxyAddress.compile([...proxies]);
  }

  /** @throws Problem 429. */
  async take(incoming: IncomingMessage): Promise<void> {
    try {
      await this.#limiter.consume(networkOf(proxyAddress(incoming, this.#isTrusted)));
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      throw new Problem(429, "address-rate", { "Retry-After": `${Math.ceil(refusal.msBeforeNext / 1000)}` });
    }
  }
}

/** @param address or whatever else a trusted proxy wrote, and nothing of a connection that is gone. */
function networkOf(address: string | undefined): string {
  if (!address || !ipaddr.isValid(address)) return address ?? "";
  const parsed = ipaddr.process(address);
  return "parts" in parsed ? parsed.parts.slice(0, NETWORK_PARTS).join(":") : parsed.toString();
}
