// Opens pages of `sync report` in a browser, wide, narrow, dark and as printed, and ends with 1 when axe-core finds a
// fault (WCAG 2 A and AA), when the console has an error, when anything is requested, or when a page is wider than the screen.
//
//   npm install --no-save axe-core playwright-core
//   node tests/report/axe.mjs report.html [more.html …]        CHROMIUM=/usr/bin/chromium by default
//   node tests/report/axe.mjs --pictures FOLDER report.html    also saves a PNG of each
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(path.join(process.cwd(), "package.json"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf-8");
const words = process.argv.slice(2);
const pictures = words[0] === "--pictures" ? words.splice(0, 2)[1] : "";
const LOOKS = [
  ["wide", 1280, "light", "screen"],
  ["narrow", 390, "light", "screen"],
  ["dark", 1280, "dark", "screen"],
  ["dark-narrow", 390, "dark", "screen"],
  ["print", 794, "dark", "print"], // a dark desktop prints on white paper
];

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});
let faults = 0;
for (const file of words) {
  for (const [look, width, colorScheme, media] of LOOKS) {
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
    const page = await context.newPage();
    const found = [];
    const own = `file://${path.resolve(file)}`;
    page.on("console", (message) => ["error", "warning"].includes(message.type()) && found.push(message.text()));
    page.on("pageerror", (error) => found.push(String(error)));
    page.on("request", (request) => request.url() === own || request.url().startsWith("data:") || found.push(`requested ${request.url()}`));
    await page.emulateMedia({ media, colorScheme });
    await page.goto(own);
    await page.evaluate(axe);
    const { violations, passes } = await page.evaluate(() =>
      axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] }));
    for (const one of violations) found.push(`${one.id} (${one.impact}): ${one.help}: ${one.nodes.length}, ${one.nodes[0].html.slice(0, 160)} ${one.nodes[0].any[0]?.message ?? ""}`);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (overflow > 0) found.push(`the page is ${overflow} px wider than the screen`);
    if (pictures) await page.screenshot({ path: path.join(pictures, `${look}.png`), fullPage: true });
    console.log(`${file} ${look}: ${passes.length} rules hold, ${found.length} faults`);
    for (const one of found) console.log(`  ${one}`);
    faults += found.length;
    await context.close();
  }
}
await browser.close();
process.exit(faults ? 1 : 0);
