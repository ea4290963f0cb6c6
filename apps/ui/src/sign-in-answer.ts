/** How the window of a sign-in hands its answer to the page that opened it. Apart: every page loads it, few sign in. */

export const CHANNEL = "blindreel sign-in";

export const redirectAddress = (): string => new URL(".", location.href).href;

/** In the window that comes back from the provider: hands on the answer and closes. @returns whether it is that window. */
export function answerSignIn(): boolean {
  const answer = new URLSearchParams(location.search);
  if (!answer.has("state")) return false;
  // The code is good for nothing without the verifier; still it goes from the address and the history.
  history.replaceState(null, "", redirectAddress());
  const channel = new BroadcastChannel(CHANNEL);
  channel.postMessage(answer.toString());
  channel.close();
  close();
  return true;
}
