class Example {
  static count = 0;

  constructor() {
    Example.count += 1;
  }
}

new Example();
new Example();
console.log(Example.count);
