import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

/** Scripts and styles lie beside their compressed forms, which the server hands to browsers that read them: a tenth less than gzip on its way. */
const packed = (): Plugin => ({
  name: "packed",
  apply: "build",
  // As they were written: others still put things into them before that.
  writeBundle({ dir }, bundle) {
    for (const name of Object.keys(bundle)) {
      const file = join(dir!, name);
      if (/\.(js|css)$/.test(name)) writeFileSync(`${file}.br`, brotliCompressSync(readFileSync(file)));
    }
  },
});

// The server embeds dist/ and sends a policy without inline script; small assets must not become data: URLs of script.
export default defineConfig({
  plugins: [react(), tailwindcss(), packed()],
  build: { outDir: "dist", emptyOutDir: true, assetsInlineLimit: 0, chunkSizeWarningLimit: 700, target: "es2022", modulePreload: { polyfill: false } },
  server: { proxy: { "/client": "http://127.0.0.1:8080", "/headwater": "http://127.0.0.1:8080" } },
});
