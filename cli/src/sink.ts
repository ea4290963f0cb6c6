export interface RegularOutput {
  readonly descriptor: number;
  /** So many bytes are written, about, or exactly at the end. */
  reached(bytes: number): void;
}

/** Where results go. Exactly one of `commit` and `discard` ends it. */
export interface Sink {
  /** For messages. */
  readonly name: string;
  readonly isStdout: boolean;
  /** A pipe or a device: what was written before a failure cannot be taken back. */
  readonly isIrrevocable: boolean;
  /** Shows what it gets to a person, control sequences included. */
  readonly isTerminal: boolean;
  readonly bytesWritten: number;
  /** Only for a regular file that has no name yet: to be written by others, at positions. */
  readonly file?: RegularOutput;
  /** Resolves once the bytes are handed over; `chunk` must not change until then. @throws CliError. */
  write(chunk: Uint8Array): Promise<void>;
  /** Makes the output visible under its name, whole. @throws CliError, having removed what was temporary. */
  commit(): Promise<void>;
  /** Removes what was temporary. Never throws. */
  discard(): Promise<void>;
}

/**
 * Writes a stream to a sink, one write behind: the disk works while the next chunks are made. The sink is left
 * uncommitted; a failure cancels the stream after what came before it was written.
 */
export async function pump(
  stream: ReadableStream<Uint8Array>,
  sink: Sink,
  onBytes: (bytes: number) => void = () => {},
): Promise<void> {
  const reader = stream.getReader();
  let writing: Promise<void> | undefined;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      await writing;
      if (done) return;
      onBytes(value.length);
      writing = sink.write(value);
      writing.catch(() => {});
    }
  } catch (error) {
    await writing?.catch(() => {});
    await reader.cancel(error).catch(() => {});
    throw error;
  }
}

/** Runs `fill` on a sink and commits it; on any failure nothing is left behind. */
export async function filling<T>(sink: Sink, fill: (sink: Sink) => Promise<T>): Promise<T> {
  try {
    const result = await fill(sink);
    await sink.commit();
    return result;
  } catch (error) {
    await sink.discard();
    throw error;
  }
}
