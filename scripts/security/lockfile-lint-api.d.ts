/** What is used of lockfile-lint-api, which has no types of its own. */
declare module "lockfile-lint-api" {
  interface Packages {
    readonly packages: Readonly<Record<string, unknown>>;
  }
  interface Result {
    readonly errors: readonly { readonly message: string; readonly package: string }[];
  }
  class ParseLockfile {
    constructor(options: { readonly lockfilePath: string; readonly lockfileType: "npm" });
    parseSync(): { readonly object: Readonly<Record<string, unknown>> };
  }
  class ValidateHost {
    constructor(packages: Packages);
    validate(hosts: readonly string[]): Result;
  }
  class ValidateHttps {
    constructor(packages: Packages);
    validate(): Result;
  }
  class ValidateIntegrity {
    constructor(packages: Packages);
    validate(): Result;
  }
}
