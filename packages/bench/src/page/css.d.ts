/** A style sheet as text: the bundler reads it. */
declare module '*.css' {
  const text: string;
  // biome-ignore lint/style/noDefaultExport: a bundler's text import is a default export
  export default text;
}
