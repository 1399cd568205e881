// Run by npx (see tools.mjs). Prints the PATH with the packages in npm's cache, and the path of the Node that runs this script.
console.log(`PATH=${process.env.PATH}`);
console.log(`NODE=${process.execPath}`);
