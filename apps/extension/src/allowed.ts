/** Each thing that a manifest allows an extension, by the name of its sentence. */
export function allowed(manifest: Readonly<Record<string, unknown>>): string[] {
  const lists = ["permissions", "optional_permissions", "host_permissions", "optional_host_permissions"];
  const named = lists.flatMap((list) => (manifest[list] as readonly string[] | undefined) ?? []);
  const others = [
    "externally_connectable",
    "content_scripts",
    "web_accessible_resources",
    "devtools_page",
    "chrome_url_overrides",
  ];
  return [...named, ...others.filter((each) => each in manifest)];
}
