import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

const SERVER = "http://127.0.0.1:8000"; // where `python -m apps.web` listens, for `npm run dev`

export default defineConfig({
  plugins: [vue()],
  base: "./", // so that the page also works below a path of somebody's own server
  build: {
    outDir: "../dist",
    emptyOutDir: true,
    assetsInlineLimit: 0, // the server's content-security policy allows files, but no data: addresses
    modulePreload: { polyfill: false },
  },
  server: {
    fs: { allow: ["../../.."] }, // the pad of the lessons lies outside of this folder
    proxy: { "/predict": SERVER, "/ready": SERVER },
  },
});
