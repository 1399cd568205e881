// Run by npx (see tools.mjs): prints the PATH that finds the packages that npx keeps, and the program that runs this.
console.log(`PATH=${process.env.PATH}`);
console.log(`NODE=${process.execPath}`);
