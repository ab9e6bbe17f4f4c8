export interface State {
  games: string[];
}

export interface Action {
  type: string;
  id: string;
}

export function reduce(state: State = { games: [] }, action: Action): State {
  switch (action.type) {
    case "addGame":
      return { games: [...state.games, action.id] };
    default:
      return state;
  }
}
