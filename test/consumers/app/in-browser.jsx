"use client";
import { useEffect } from "react";

export function InBrowser() {
  useEffect(() => void import("../page.js"), []);
  return <p>The report of the browser is on the document's element.</p>;
}
