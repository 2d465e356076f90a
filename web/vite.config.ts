import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The server embeds dist/ and sends a policy without inline script; small assets must not become data: URLs of script.
export default defineConfig({
  plugins: [react(), tailwindcss()],
  build: { outDir: "dist", emptyOutDir: true, assetsInlineLimit: 0, chunkSizeWarningLimit: 700, target: "es2022", modulePreload: { polyfill: false } },
  server: { proxy: { "/client": "http://127.0.0.1:8080", "/headwater": "http://127.0.0.1:8080" } },
});
