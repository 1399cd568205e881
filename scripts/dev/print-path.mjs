// Run by npx (see tools.mjs): tells where npx keeps the tools that it fetched.
console.log(`PATH=${process.env.PATH}`);
