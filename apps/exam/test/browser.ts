import { request } from "node:https";

export interface Page {
  readonly url: URL;
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

export interface Visit {
  readonly method?: string;
  readonly form?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a browser does of HTTP: cookies by host and path, redirects, `Origin`, and names below localhost that are this machine. */
export class Browser {
  readonly #ca: string;
  /** By host, path and name. */
  readonly #cookies = new Map<string, string>();
  /** All that was answered. */
  readonly seen: Page[] = [];

  constructor(ca: string) {
    this.#ca = ca;
  }

  /** Follows redirects. @param until addresses that are not visited any more. */
  async visit(address: string | URL, given: Visit = {}, until?: string): Promise<Page> {
    let [url, visit] = [new URL(address), given];
    for (let hops = 0; hops < 12; hops++) {
      const page = await this.#ask(url, visit);
      this.seen.push(page);
      const { location } = page.headers;
      if (location === undefined || page.status < 300 || page.status > 399) return page;
      url = new URL(location as string, url);
      visit = {};
      if (until && url.href.startsWith(until)) return { ...page, url };
    }
    throw new Error("too many redirects");
  }

  /** Sends a page's form, with what its script or a person adds. */
  submit({ text, url }: Page, added: Readonly<Record<string, string>> = {}, until?: string): Promise<Page> {
    const [, attributes, content] = /<form ([^>]*)>([\s\S]*?)<\/form>/.exec(text) ?? [];
    if (attributes === undefined) throw new Error(`no form at ${url.href}: ${text}`);
    const action = decode(/action="([^"]*)"/.exec(attributes)?.[1] ?? url.href);
    const hidden = [...content!.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)];
    const form = Object.fromEntries(hidden.map(([, name, value]) => [name!, decode(value!)]));
    const origin = { origin: url.origin };
    return this.visit(
      new URL(action, url),
      { method: "POST", form: { ...form, ...added }, headers: origin },
      until,
    );
  }

  #ask(url: URL, { method = "GET", form, body, headers = {} }: Visit): Promise<Page> {
    const content = form ? `${new URLSearchParams(form)}` : body;
    const cookies = [...this.#cookies].filter(([key]) => {
      const [host, path] = key.split(" ");
      return host === url.host && url.pathname.startsWith(path!);
    });
    const options = {
      // Not every resolver knows that names below localhost are this machine (RFC 6761 §6.3).
      host: "127.0.0.1",
      servername: "localhost",
      port: url.port,
      ca: this.#ca,
      path: `${url.pathname}${url.search}`,
      method,
      agent: false as const,
      headers: {
        host: url.host,
        ...(cookies.length > 0
          ? { cookie: cookies.map(([key, value]) => `${key.split(" ")[2]}=${value}`).join("; ") }
          : {}),
        ...(form ? { "content-type": "application/x-www-form-urlencoded" } : {}),
        ...(content === undefined ? {} : { "content-length": Buffer.byteLength(content) }),
        ...headers,
      },
    };
    return new Promise((resolve, reject) => {
      const asking = request(options, (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.on("end", () => {
          for (const cookie of response.headers["set-cookie"] ?? []) this.#keep(url, cookie);
          const text = Buffer.concat(parts).toString();
          resolve({ url, status: response.statusCode!, headers: response.headers, text });
        });
        response.on("error", reject);
      });
      asking.on("error", reject);
      asking.end(content);
    });
  }

  #keep(url: URL, cookie: string): void {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie)!;
    const path = /; *path=([^;]+)/i.exec(cookie)?.[1] ?? "/";
    const key = `${url.host} ${path} ${name}`;
    if (/max-age=0|expires=Thu, 01 Jan 1970/i.test(cookie)) this.#cookies.delete(key);
    else this.#cookies.set(key, value!);
  }
}

const decode = (text: string): string =>
  text.replace(/&(amp|quot|lt|gt|#x27|#39);/g, (_all, name) => ENTITIES[name as keyof typeof ENTITIES]);

const ENTITIES = { amp: "&", quot: '"', lt: "<", gt: ">", "#x27": "'", "#39": "'" } as const;
