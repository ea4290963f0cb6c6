import { defineConfig } from "vite";
import { staticPage } from "../ui/vite.js";

export default defineConfig(staticPage());
