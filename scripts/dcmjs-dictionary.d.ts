declare module 'dcmjs/dictionary' {
  interface Entry {
    tag: string;
    vr?: string;
    vm?: string;
    name?: string;
    version?: string;
  }
  const dictionary: Record<string, Entry>;
  export default dictionary;
}
