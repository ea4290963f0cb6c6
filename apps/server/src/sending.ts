import type { ServerResponse } from "node:http";

export interface SendingOptions {
  /** Milliseconds in which a client has to take something. */
  readonly timeout: number;
  readonly onFault?: ((error: unknown, requestId: string) => void) | undefined;
}

/**
 * An answer whose body ends with its connection where it fails, or where nobody reads it. Its length is stated by then, so what
 * came next on the connection would be taken for the rest of it.
 */
export function sending(
  response: Response,
  outgoing: ServerResponse,
  { timeout, onFault }: SendingOptions,
): Response {
  if (!response.body) return response;
  const reader = response.body.getReader();
  let stalled: NodeJS.Timeout | undefined;
  const restart = (): void => {
    clearTimeout(stalled);
    if (!outgoing.closed) stalled = setTimeout(() => outgoing.destroy(), timeout);
  };
  outgoing.once("close", () => clearTimeout(stalled));
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        clearTimeout(stalled);
        try {
          const { done, value } = await reader.read();
          if (done) controller.close();
          else controller.enqueue(value);
          restart();
        } catch (error) {
          onFault?.(error, response.headers.get("x-request-id") ?? "");
          outgoing.destroy();
          controller.close();
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
  return new Response(body, response);
}
