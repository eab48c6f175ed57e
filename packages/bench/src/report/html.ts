/** One self-contained page: markup, script and data in one file, nothing from elsewhere. */
import type { PageData } from './page-data.js';

/** JSON for a script element: no text in it can end the element or begin a comment. */
export function scriptJson(value: unknown): string {
  return JSON.stringify(value)
    .replace(/</g, '\\u003c')
    .replace(/\u2028/g, '\\u2028')
    .replace(/\u2029/g, '\\u2029');
}

/**
 * The page's text.
 * @param columns - the timeline's columns, base64; empty where there is no timeline
 * @param script - of the page; without the end tag of a script
 */
export function reportHtml(data: PageData, columns: string, script: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:">
<title>Hotpath report</title>
</head>
<body>
<noscript>This report draws itself with JavaScript.</noscript>
<script type="application/json" id="data">${scriptJson(data)}</script>
<script type="text/plain" id="columns">${columns}</script>
<script>${script}</script>
</body>
</html>
`;
}
