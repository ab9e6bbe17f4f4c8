export interface Game {
  id: string;
  moves: string[];
}

export const games: Game[] = [];
