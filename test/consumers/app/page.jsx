import { run } from "../program.js";
import { InBrowser } from "./in-browser.jsx";

export const dynamic = "force-dynamic";

/** Runs the program on the server for each request, and once more in the browser. */
export default async function Page() {
  return (
    <main>
      <pre id="server">{JSON.stringify(await run())}</pre>
      <InBrowser />
    </main>
  );
}
