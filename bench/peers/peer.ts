/** A library that a user might pick instead, with whatever settings make a difference in its name. */
export interface Peer {
  readonly name: string;
  /** How many times its throughput ours should be (issue targets). */
  readonly target?: number;
  /** Sets up keys. A peer's own key wrap is part of every run, as ours is. */
  prepare(): Promise<PreparedPeer>;
}

export interface PreparedPeer {
  /** Pieces of plaintext in, sealed pieces to `sink`. */
  seal(pieces: readonly Uint8Array[], sink: Sink): Promise<void>;
  /** Sealed pieces in: cut anew, unless the peer needs its messages as they are. */
  open(sealed: readonly Uint8Array[], sink: Sink): Promise<void>;
  readonly keepsMessages?: boolean;
}

export type Sink = (piece: Uint8Array) => void;
