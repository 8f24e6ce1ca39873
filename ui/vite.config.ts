import { defineConfig } from "vite";

// One script and one style sheet: a page that is loaded works on when the connection is lost.
export default defineConfig({
  base: "./",
  build: {
    outDir: "../src/anymq/management/page",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: false,
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1000,
    rolldownOptions: {
      output: { assetFileNames: "assets/[name]-[hash][extname]", entryFileNames: "assets/[name]-[hash].js" },
    },
  },
  server: { proxy: { "/api": process.env["ANYMQ_URL"] ?? "http://127.0.0.1:15672" } },
});
